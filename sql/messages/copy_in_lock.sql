-- Keeps the chats and people of a batch from being deleted before it is stored, and tells which are not there.
--
-- Where a chat is becoming another one, it counts as deleted: run it once more to find that one.
--
-- after    messages/copy_in_stage
-- returns  Missing  0.. rows
WITH places AS (
    SELECT
        asked.id, c.deleted_at
    FROM chats AS asked
    INNER JOIN chats AS c ON c.id = COALESCE(asked.successor_id, asked.id)
    WHERE asked.id IN (SELECT s.chat_id FROM copy_in_stage AS s)
    -- in one order, as all that lock several
    ORDER BY c.id
    FOR KEY SHARE OF c
),

people AS (
    SELECT
        id, deleted_at
    FROM users
    WHERE id IN (SELECT s.user_id FROM copy_in_stage AS s)
    ORDER BY id
    FOR KEY SHARE
)

-- one after the other: chats come before people in every lock order
SELECT
    'chat' AS kind, given.chat_id AS id
FROM (SELECT DISTINCT s.chat_id FROM copy_in_stage AS s) AS given
WHERE NOT EXISTS (SELECT FROM places AS p WHERE p.id = given.chat_id AND p.deleted_at IS NULL)
UNION ALL
SELECT
    'user' AS kind, given.user_id AS id
FROM (SELECT DISTINCT s.user_id FROM copy_in_stage AS s WHERE s.user_id <> 0) AS given
WHERE NOT EXISTS (SELECT FROM people AS p WHERE p.id = given.user_id AND p.deleted_at IS NULL);
