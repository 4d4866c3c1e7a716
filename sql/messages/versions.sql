-- What a live message said, and since when, oldest first; the last is what it says now.
--
-- An edit that left the text as it was is no version.
--
-- chat_id     bigint   botcore's id of the chat
-- message_id  bigint   botcore's id of the message
-- returns     Version  0.. rows; edited_at is NULL for the text that was sent
WITH live AS (
    SELECT
        chat_id, id, content, edited_at
    FROM messages
    WHERE chat_id = :'chat_id'
      AND id = :'message_id'
      AND deleted_at IS NULL
),

known AS (
    SELECT
        v.chat_id, v.message_id, v.edited_at, v.content, v.id AS place
    FROM live
    INNER JOIN message_versions AS v
        ON v.chat_id = live.chat_id
        AND v.message_id = live.id
    UNION ALL
    -- once more where it is among the versions: after an equal one it is no version
    SELECT
        chat_id, id AS message_id, COALESCE(edited_at, '-infinity') AS edited_at, content,
        9223372036854775807 AS place
    FROM live
),

compared AS (
    SELECT
        chat_id, message_id, edited_at, content, place,
        lag(content) OVER (ORDER BY edited_at, place) AS content_before
    FROM known
)

SELECT
    chat_id, message_id, NULLIF(edited_at, '-infinity') AS edited_at, content, char_length(content) AS length
FROM compared
WHERE content IS DISTINCT FROM content_before
ORDER BY compared.edited_at, place;
