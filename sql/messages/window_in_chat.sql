-- What a model gets of a topic of a chat: what everybody said, and who; the newest that fits, oldest first.
--
-- First comes the chat's own newest system message, the one without a person: another is part of one person's dialogue.
-- No message is skipped, and contents and speakers, each with its ": ", never pass max_characters together; nothing is
-- returned where the system message alone does. A chat that speaks is named by its title, if the bot knows that chat.
--
-- chat_id            bigint   botcore's id of the chat
-- message_thread_id  bigint   the topic; 0 outside topics
-- before_id          bigint   ids below this and the system message, 0..9223372036854775807; the highest for all
-- max_messages       bigint   messages at most besides the system message, 1..1000
-- max_characters     bigint   characters of all contents and speakers together, 1..2147483647
-- versions           text     newest: what each message says now; original: what it said first
-- returns            Spoken   0..max_messages + 1 rows
WITH candidates AS (
    (SELECT
        chat_id, id, user_id, message_thread_id, role, kind, content, telegram_message_id, reply_to_id,
        media_group_id, sender_chat_id, forward_date, delivery, sent_at, edited_at, created_at, deleted_at, 0 AS place
    FROM messages
    WHERE chat_id = :'chat_id'
      AND user_id IS NULL
      AND message_thread_id = :'message_thread_id'
      AND role = 'system'
      AND deleted_at IS NULL
    ORDER BY id DESC
    LIMIT 1)
    UNION ALL
    (SELECT
        chat_id, id, user_id, message_thread_id, role, kind, content, telegram_message_id, reply_to_id,
        media_group_id, sender_chat_id, forward_date, delivery, sent_at, edited_at, created_at, deleted_at, 1 AS place
    FROM messages
    WHERE chat_id = :'chat_id'
      AND message_thread_id = :'message_thread_id'
      AND role <> 'system'
      AND id < :'before_id'
      AND deleted_at IS NULL
    ORDER BY id DESC
    LIMIT :'max_messages')
),

spoken AS (
    SELECT
        m.chat_id, m.id, m.user_id, m.message_thread_id, m.role, m.kind, COALESCE(o.content, m.content) AS content,
        char_length(COALESCE(o.content, m.content)) AS length, m.telegram_message_id, m.reply_to_id,
        m.media_group_id, m.sender_chat_id, m.forward_date, m.delivery, m.sent_at,
        NULLIF(COALESCE(o.edited_at, m.edited_at), '-infinity') AS edited_at, m.created_at, m.deleted_at, m.place,
        CASE
            WHEN m.role <> 'user' THEN NULL
            WHEN m.sender_chat_id IS NULL THEN u.name
            ELSE (
                SELECT title FROM chats
                WHERE bot_id = c.bot_id
                  AND telegram_chat_id = m.sender_chat_id
                  AND business_connection_id = ''
                  AND deleted_at IS NULL
            )
        END AS speaker
    FROM candidates AS m
    INNER JOIN (
        SELECT bot_id
        FROM chats
        WHERE id = :'chat_id'
          AND deleted_at IS NULL
    ) AS c ON TRUE
    -- LIMIT: a person is looked up by the id, or the planner reads all of a table that is not yet large
    LEFT JOIN LATERAL (
        SELECT
            id, NULLIF(concat_ws(' ', NULLIF(first_name, ''), last_name), '') AS name
        FROM users
        WHERE id = m.user_id
          AND deleted_at IS NULL
        LIMIT 1
    ) AS u ON TRUE
    LEFT JOIN LATERAL (
        SELECT
            v.content, v.edited_at
        FROM message_versions AS v
        WHERE v.chat_id = m.chat_id
          AND v.message_id = m.id
          AND m.edited_at IS NOT NULL
          AND :'versions' = 'original'
        ORDER BY v.edited_at, v.id
        LIMIT 1
    ) AS o ON TRUE
    WHERE (m.user_id IS NULL OR u.id IS NOT NULL)
),

counted AS (
    SELECT
        chat_id, id, user_id, message_thread_id, role, kind, content, length,
        telegram_message_id, reply_to_id, media_group_id, sender_chat_id,
        forward_date, delivery, sent_at, edited_at, created_at, deleted_at,
        speaker, place,
        sum(length + COALESCE(char_length(speaker) + 2, 0)) OVER (ORDER BY place, id DESC) AS used
    FROM spoken
)

SELECT
    chat_id, id, user_id, message_thread_id, role, kind, content, length,
    telegram_message_id, reply_to_id, media_group_id, sender_chat_id,
    forward_date, delivery, sent_at, edited_at, created_at, deleted_at, speaker
FROM counted
WHERE used <= :'max_characters'
ORDER BY place, id;
