-- What several calls of recent ask for in one statement: of each dialogue its newest live messages, newest first.
--
-- chat_ids            bigint[]  botcore's id of the chat
-- user_ids            bigint[]  botcore's id of the person the bot talks with
-- message_thread_ids  bigint[]  the topic; 0 outside topics
-- before_ids          bigint[]  only ids below this; 9223372036854775807 for the first page
-- page_sizes          bigint[]  rows at most
-- returns             Message   0.. rows and n, the call's place in the lists from 1 on
SELECT
    m.chat_id, m.id, m.user_id, m.message_thread_id, m.role, m.kind, m.content, m.length, m.telegram_message_id,
    m.reply_to_id, m.media_group_id, m.sender_chat_id, m.forward_date, m.delivery, m.sent_at, m.edited_at, m.created_at,
    m.deleted_at, given.n
FROM unnest(
    :'chat_ids'::bigint[], :'user_ids'::bigint[], :'message_thread_ids'::bigint[], :'before_ids'::bigint[],
    :'page_sizes'::bigint[]
) WITH ORDINALITY AS given (chat_id, user_id, message_thread_id, before_id, page_size, n)
CROSS JOIN LATERAL (
    SELECT
        chat_id, id, user_id, message_thread_id, role, kind, content, length,
        telegram_message_id, reply_to_id, media_group_id, sender_chat_id,
        forward_date, delivery, sent_at, edited_at, created_at, deleted_at
    FROM messages
    WHERE chat_id = given.chat_id
      AND user_id = given.user_id
      AND message_thread_id = given.message_thread_id
      AND id < given.before_id
      AND deleted_at IS NULL
    ORDER BY id DESC
    LIMIT given.page_size
) AS m
ORDER BY given.n, m.id DESC;
