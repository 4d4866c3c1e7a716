-- Gives a message the text of an edit, unless a newer one came before; every text is kept. Run edit_lock first.
--
-- It looks at deleted_at nowhere: a deleted message takes its edits, too, stays deleted, and is true when restored.
-- Of two edits in one second the one that comes last is the newer; one that came before changes nothing.
--
-- chat_id     bigint       botcore's id of the chat
-- message_id  bigint       botcore's id of the message
-- kind        text         what the message is after the edit; '' for what it was
-- content     text
-- edited_at   timestamptz  Telegram's edit_date
-- returns     Message      0..1 rows: none where the edit was known already, or is late
WITH kept AS (
    -- what it says now, and what the edit says; either may be there already
    INSERT INTO message_versions (chat_id, message_id, edited_at, content)
    SELECT
        m.chat_id, m.id, v.edited_at, v.content
    FROM messages AS m
    CROSS JOIN LATERAL (
        VALUES (1, COALESCE(m.edited_at, '-infinity'), m.content), (2, :'edited_at'::timestamptz, :'content')
    ) AS v (place, edited_at, content)
    WHERE m.chat_id = :'chat_id'
      AND m.id = :'message_id'
      AND (m.edited_at, m.content) IS DISTINCT FROM (:'edited_at'::timestamptz, :'content')
    ORDER BY v.place
    ON CONFLICT (chat_id, message_id, edited_at, content_hash) DO NOTHING
    RETURNING chat_id, message_id, edited_at, content
)

UPDATE messages AS m
SET kind = COALESCE(NULLIF(:'kind', ''), m.kind), content = kept.content, edited_at = kept.edited_at
FROM kept
WHERE m.chat_id = kept.chat_id
  AND m.id = kept.message_id
  AND kept.edited_at = :'edited_at'
  AND kept.content = :'content'
  AND COALESCE(m.edited_at, '-infinity') <= kept.edited_at
RETURNING
    m.chat_id, m.id, m.user_id, m.message_thread_id, m.role, m.kind, m.content, m.length, m.telegram_message_id,
    m.reply_to_id, m.media_group_id, m.sender_chat_id, m.forward_date, m.delivery, m.sent_at, m.edited_at, m.created_at,
    m.deleted_at;
