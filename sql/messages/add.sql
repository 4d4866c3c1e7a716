-- Stores one message of a known chat and person once; a known telegram_message_id gives the stored one.
--
-- The stored message is returned even when it was deleted: it is not revived. Nothing is stored of a person who opted
-- out, nor what the handling of an update says that another worker has by now.
--
-- chat_id              bigint       botcore's id of the chat
-- user_id              bigint       botcore's id of the person the bot talks with; 0 for none
-- message_thread_id    bigint       the topic; 0 outside topics
-- role                 text         system, user or assistant
-- content              text
-- telegram_chat_id     bigint       where it was sent to, if the chat may have become another one since; 0 for the chat
-- telegram_message_id  bigint       Telegram's id of the message there; 0 for none
-- reply_to_id          bigint       botcore's id of the message that this one answers; 0 for none
-- delivery             text         pending or unconfirmed, of what is to be sent; '' for what is not
-- bot_id               bigint       whose update it is that this answers; 0 for none
-- update_id            bigint       the update's number
-- claimed_by           text         the worker that has the update; '' for no update
-- sent_at              timestamptz  Telegram's date; infinity for now
-- returns              Message      0..1 rows: none where chat or person is not live, or a concurrent call was first
WITH place AS (
    -- where the chat became another one, that; deleted or not, for what is stored already
    SELECT
        c.id, c.deleted_at,
        NULLIF(:'telegram_message_id'::bigint, 0)
        * CASE WHEN COALESCE(:'telegram_chat_id'::bigint, 0) IN (0, c.telegram_chat_id) THEN 1 ELSE -1 END
            AS telegram_message_id
    FROM chats AS asked
    INNER JOIN chats AS c ON c.id = COALESCE(asked.successor_id, asked.id)
    WHERE asked.id = :'chat_id'
    FOR KEY SHARE OF c
),

stored AS (
    SELECT
        m.chat_id, m.id, m.user_id, m.message_thread_id, m.role, m.kind, m.content, m.length,
        m.telegram_message_id, m.reply_to_id, m.media_group_id, m.sender_chat_id, m.forward_date, m.delivery, m.sent_at,
        m.edited_at, m.created_at, m.deleted_at
    FROM place
    INNER JOIN messages AS m
        ON m.chat_id = place.id
        AND m.telegram_message_id = place.telegram_message_id
),

known_user AS (
    SELECT id
    FROM users
    WHERE id = :'user_id'
      AND deleted_at IS NULL
      AND NOT EXISTS (
          SELECT FROM refusals
          WHERE person = person_digest(telegram_user_id)
            AND until >= COALESCE(NULLIF(:'sent_at'::timestamptz, 'infinity'), now())
      )
    FOR KEY SHARE
),

claim AS (
    SELECT update_id
    FROM updates
    WHERE bot_id = :'bot_id'
      AND update_id = :'update_id'
      AND worker = :'claimed_by'
      AND state = 'running'
    FOR SHARE
),

written AS (
    INSERT INTO messages (
        chat_id, user_id, message_thread_id, role, content, telegram_message_id, reply_to_id, delivery, sent_at
    )
    SELECT
        place.id, u.id, :'message_thread_id', :'role', :'content', place.telegram_message_id,
        NULLIF(:'reply_to_id'::bigint, 0), NULLIF(:'delivery', ''),
        COALESCE(NULLIF(:'sent_at'::timestamptz, 'infinity'), now())
    FROM place
    LEFT JOIN known_user AS u ON TRUE
    WHERE place.deleted_at IS NULL
      AND (u.id IS NOT NULL OR COALESCE(:'user_id'::bigint, 0) = 0)
      AND NOT EXISTS (SELECT FROM stored)
      AND (COALESCE(:'claimed_by', '') = '' OR EXISTS (SELECT FROM claim))
    ON CONFLICT (chat_id, telegram_message_id) WHERE telegram_message_id IS NOT NULL DO NOTHING
    RETURNING
        chat_id, id, user_id, message_thread_id, role, kind, content, length,
        telegram_message_id, reply_to_id, media_group_id, sender_chat_id,
        forward_date, delivery, sent_at, edited_at, created_at, deleted_at
)

TABLE written
UNION ALL
TABLE stored;
