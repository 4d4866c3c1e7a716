-- What several calls of window ask for in one statement: of each dialogue what a model gets, oldest first.
--
-- chat_ids            bigint[]  botcore's id of the chat
-- user_ids            bigint[]  botcore's id of the person the bot talks with
-- message_thread_ids  bigint[]  the topic; 0 outside topics
-- before_ids          bigint[]  ids below this and the system message; 9223372036854775807 for all
-- message_counts      bigint[]  messages at most besides the system message
-- character_counts    bigint[]  characters of all contents together at most
-- returns             Message   0.. rows and n, the call's place in the lists from 1 on
SELECT
    chosen.chat_id, chosen.id, chosen.user_id, chosen.message_thread_id, chosen.role, chosen.kind, chosen.content,
    chosen.length, chosen.telegram_message_id, chosen.reply_to_id, chosen.media_group_id, chosen.sender_chat_id,
    chosen.forward_date, chosen.delivery, chosen.sent_at, chosen.edited_at, chosen.created_at, chosen.deleted_at,
    given.n
FROM unnest(
    :'chat_ids'::bigint[], :'user_ids'::bigint[], :'message_thread_ids'::bigint[], :'before_ids'::bigint[],
    :'message_counts'::bigint[], :'character_counts'::bigint[]
) WITH ORDINALITY AS given (chat_id, user_id, message_thread_id, before_id, max_messages, max_characters, n)
CROSS JOIN LATERAL (
    WITH pinned AS (
        SELECT
            chat_id, id, user_id, message_thread_id, role, kind, content, length,
            telegram_message_id, reply_to_id, media_group_id, sender_chat_id,
            forward_date, delivery, sent_at, edited_at, created_at, deleted_at
        FROM messages
        WHERE chat_id = given.chat_id
          AND user_id = given.user_id
          AND message_thread_id = given.message_thread_id
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
        WHERE chat_id = given.chat_id
          AND user_id = given.user_id
          AND message_thread_id = given.message_thread_id
          AND role <> 'system'
          AND id < given.before_id
          AND deleted_at IS NULL
        ORDER BY id DESC
        LIMIT given.max_messages
    )

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
) AS chosen
WHERE chosen.used <= given.max_characters
ORDER BY given.n, chosen.place, chosen.id;
