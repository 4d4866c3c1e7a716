-- What one dialogue has stored, counted over live rows.
--
-- chat_id            bigint  botcore's id of the chat
-- user_id            bigint  botcore's id of the person the bot talks with
-- message_thread_id  bigint  the topic; 0 outside topics
-- returns            Totals  1 row
SELECT
    count(DISTINCT user_id) AS people,
    count(DISTINCT chat_id) AS chats,
    count(*) FILTER (WHERE role = 'system') AS system_messages,
    count(*) FILTER (WHERE role = 'user') AS user_messages,
    count(*) FILTER (WHERE role = 'assistant') AS assistant_messages,
    COALESCE(sum(length), 0)::bigint AS characters,
    min(sent_at) AS first_at,
    max(sent_at) AS last_at
FROM messages
WHERE chat_id = :'chat_id'
  AND user_id = :'user_id'
  AND message_thread_id = :'message_thread_id'
  AND deleted_at IS NULL;
