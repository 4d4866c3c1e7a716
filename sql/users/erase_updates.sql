-- Removes what updates say that are not done and were sent by a person, or to a private chat with them.
--
-- An update is never deleted_at, but done. What is in work ends as it would. One that was set aside can stay for long:
-- it goes even where it only quotes the person.
--
-- telegram_user_id  bigint  Telegram's id of the person, and of the chats
-- returns           bigint  0.. rows: the updates' numbers
WITH found AS (
    SELECT
        bot_id, update_id
    FROM updates
    WHERE state IN ('pending', 'running')
      AND :'telegram_user_id' IN (telegram_user_id, telegram_chat_id)
    UNION ALL
    SELECT
        bot_id, update_id
    FROM updates
    WHERE state = 'failed'
      AND payload::text ~ concat('"id": ', :'telegram_user_id'::bigint, '[,}]')
),

theirs AS (
    -- in one order, as all that lock several
    SELECT
        u.bot_id, u.update_id
    FROM updates AS u
    INNER JOIN found AS f
        ON f.bot_id = u.bot_id
        AND f.update_id = u.update_id
    ORDER BY u.bot_id, u.update_id
    FOR UPDATE OF u
)

UPDATE updates AS u
SET
    state = CASE WHEN u.state = 'running' THEN 'running' ELSE 'done' END,
    -- its chat's turn goes on until it ends
    telegram_chat_id = CASE WHEN u.state = 'running' THEN u.telegram_chat_id ELSE 0 END,
    telegram_user_id = 0,
    payload = NULL,
    error = NULL,
    sqlstate = NULL,
    finished_at = CASE WHEN u.state = 'running' THEN NULL ELSE now() END
FROM theirs AS t
WHERE u.bot_id = t.bot_id
  AND u.update_id = t.update_id
RETURNING u.update_id;
