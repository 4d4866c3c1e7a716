-- What a model gets of a dialogue: the newest system message, then the newest others that fit, oldest first.
--
-- No message is skipped to fit a longer one, and the total never passes max_characters. Where the system message
-- alone is longer, nothing is returned: a model without its instructions would be worse than none.
--
-- chat_id            bigint   botcore's id of the chat
-- user_id            bigint   botcore's id of the person the bot talks with
-- message_thread_id  bigint   the topic; 0 outside topics
-- before_id          bigint   ids below this and the system message, 0..9223372036854775807; the highest for all
-- max_messages       bigint   messages at most besides the system message, 1..1000
-- max_characters     bigint   characters of all contents together, 1..2147483647
-- returns            Message  0..max_messages + 1 rows
WITH pinned AS (
    SELECT
        chat_id, id, user_id, message_thread_id, role, kind, content, length,
        telegram_message_id, reply_to_id, media_group_id, sender_chat_id,
        forward_date, delivery, sent_at, edited_at, created_at, deleted_at
    FROM messages
    WHERE chat_id = :'chat_id'
      AND user_id = :'user_id'
      AND message_thread_id = :'message_thread_id'
      AND role = 'system'
      AND deleted_at IS NULL
    ORDER BY id DESC
    LIMIT 1
),

newest AS (
    SELECT
        chat_id, id, user_id, message_thread_id, role, kind, content, length,
        telegram_message_id, reply_to_id, media_group_id, sender_chat_id,
        forward_date, delivery, sent_at, edited_at, created_at, deleted_at
    FROM messages
    WHERE chat_id = :'chat_id'
      AND user_id = :'user_id'
      AND message_thread_id = :'message_thread_id'
      AND role <> 'system'
      AND id < :'before_id'
      AND deleted_at IS NULL
    ORDER BY id DESC
    LIMIT :'max_messages'
),

chosen AS (
    SELECT
        chat_id, id, user_id, message_thread_id, role, kind, content, length,
        telegram_message_id, reply_to_id, media_group_id, sender_chat_id,
        forward_date, delivery, sent_at, edited_at, created_at, deleted_at,
        0 AS place, length AS used
    FROM pinned
    UNION ALL
    SELECT
        chat_id, id, user_id, message_thread_id, role, kind, content, length,
        telegram_message_id, reply_to_id, media_group_id, sender_chat_id,
        forward_date, delivery, sent_at, edited_at, created_at, deleted_at,
        1 AS place,
        sum(length) OVER (ORDER BY id DESC) + COALESCE((SELECT pinned.length FROM pinned), 0) AS used
    FROM newest
)

SELECT
    chat_id, id, user_id, message_thread_id, role, kind, content, length,
    telegram_message_id, reply_to_id, media_group_id, sender_chat_id,
    forward_date, delivery, sent_at, edited_at, created_at, deleted_at
FROM chosen
WHERE used <= :'max_characters'
ORDER BY place, id;
