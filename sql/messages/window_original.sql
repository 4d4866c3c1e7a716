-- The window of a dialogue with each message as it said first, before any edit; see window.
--
-- chat_id            bigint   botcore's id of the chat
-- user_id            bigint   botcore's id of the person the bot talks with
-- message_thread_id  bigint   the topic; 0 outside topics
-- before_id          bigint   ids below this and the system message, 0..9223372036854775807; the highest for all
-- max_messages       bigint   messages at most besides the system message, 1..1000
-- max_characters     bigint   characters of all contents together, 1..2147483647
-- returns            Message  0..max_messages + 1 rows; edited_at is NULL for a text as it was sent
WITH pinned AS (
    SELECT
        chat_id, id, user_id, message_thread_id, role, kind, content, telegram_message_id, reply_to_id,
        media_group_id, sender_chat_id, forward_date, delivery, sent_at, edited_at, created_at, deleted_at
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
        chat_id, id, user_id, message_thread_id, role, kind, content, telegram_message_id, reply_to_id,
        media_group_id, sender_chat_id, forward_date, delivery, sent_at, edited_at, created_at, deleted_at
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

candidates AS (
    SELECT
        chat_id, id, user_id, message_thread_id, role, kind, content, telegram_message_id, reply_to_id,
        media_group_id, sender_chat_id, forward_date, delivery, sent_at, edited_at, created_at, deleted_at, 0 AS place
    FROM pinned
    UNION ALL
    SELECT
        chat_id, id, user_id, message_thread_id, role, kind, content, telegram_message_id, reply_to_id,
        media_group_id, sender_chat_id, forward_date, delivery, sent_at, edited_at, created_at, deleted_at, 1 AS place
    FROM newest
),

originals AS (
    SELECT
        c.chat_id, c.id, c.user_id, c.message_thread_id, c.role, c.kind, COALESCE(o.content, c.content) AS content,
        char_length(COALESCE(o.content, c.content)) AS length, c.telegram_message_id, c.reply_to_id,
        c.media_group_id, c.sender_chat_id, c.forward_date, c.delivery, c.sent_at,
        NULLIF(COALESCE(o.edited_at, c.edited_at), '-infinity') AS edited_at, c.created_at, c.deleted_at, c.place
    FROM candidates AS c
    LEFT JOIN LATERAL (
        SELECT
            v.content, v.edited_at
        FROM message_versions AS v
        WHERE v.chat_id = c.chat_id
          AND v.message_id = c.id
          AND c.edited_at IS NOT NULL
        ORDER BY v.edited_at, v.id
        LIMIT 1
    ) AS o ON TRUE
),

counted AS (
    SELECT
        chat_id, id, user_id, message_thread_id, role, kind, content, length,
        telegram_message_id, reply_to_id, media_group_id, sender_chat_id,
        forward_date, delivery, sent_at, edited_at, created_at, deleted_at, place,
        sum(length) OVER (ORDER BY place, id DESC) AS used
    FROM originals
)

SELECT
    chat_id, id, user_id, message_thread_id, role, kind, content, length,
    telegram_message_id, reply_to_id, media_group_id, sender_chat_id,
    forward_date, delivery, sent_at, edited_at, created_at, deleted_at
FROM counted
WHERE used <= :'max_characters'
ORDER BY place, id;
