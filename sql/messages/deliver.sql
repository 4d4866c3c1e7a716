-- Notes how far the sending of a message came, and Telegram's id and date of it where they are given.
--
-- It looks at deleted_at nowhere: a deleted message takes it, too, and stays deleted. Where the chat became another
-- one, the message is found there. Where the Telegram id is another message's already, this one keeps what it has.
--
-- chat_id              bigint       botcore's id of the chat
-- message_id           bigint       botcore's id of the message
-- delivery             text         pending or unconfirmed; '' for what has arrived
-- telegram_chat_id     bigint       where it was sent to, if the chat may have become another one since; 0 for the chat
-- telegram_message_id  bigint       Telegram's id of the message there; 0 for none so far
-- sent_at              timestamptz  Telegram's date; infinity for what it has
-- returns              Message      0..1 rows: none where there is no such message, or the chat is becoming another one
WITH place AS (
    SELECT
        c.id,
        NULLIF(:'telegram_message_id'::bigint, 0)
        * CASE WHEN COALESCE(:'telegram_chat_id'::bigint, 0) IN (0, c.telegram_chat_id) THEN 1 ELSE -1 END
            AS telegram_message_id
    FROM chats AS asked
    INNER JOIN chats AS c ON c.id = COALESCE(asked.successor_id, asked.id)
    WHERE asked.id = :'chat_id'
    FOR KEY SHARE OF c
),

arrived AS (
    SELECT
        place.id,
        CASE WHEN other.id IS NULL THEN place.telegram_message_id END AS telegram_message_id
    FROM place
    LEFT JOIN messages AS other
        ON other.chat_id = place.id
        AND other.telegram_message_id = place.telegram_message_id
        AND other.id <> :'message_id'
)

UPDATE messages AS m
SET
    delivery = NULLIF(:'delivery', ''),
    telegram_message_id = COALESCE(arrived.telegram_message_id, m.telegram_message_id),
    sent_at = COALESCE(NULLIF(:'sent_at'::timestamptz, 'infinity'), m.sent_at)
FROM arrived
WHERE m.chat_id = arrived.id
  AND m.id = :'message_id'
RETURNING
    m.chat_id, m.id, m.user_id, m.message_thread_id, m.role, m.kind, m.content, m.length, m.telegram_message_id,
    m.reply_to_id, m.media_group_id, m.sender_chat_id, m.forward_date, m.delivery, m.sent_at, m.edited_at, m.created_at,
    m.deleted_at;
