-- Gives updates back that a worker has in work, as at its end or when Telegram has it wait: no failure of theirs.
--
-- An update is never deleted_at, but done. What the worker lost to another one is left alone.
--
-- bot_id         bigint    Telegram's id of the bot
-- update_ids     bigint[]  at most 1..1000
-- worker         text      who had them in work
-- delay_seconds  bigint    until the next attempt, 0..86400
-- returns        bigint    0.. rows: the numbers of those that wait now
WITH locked AS (
    -- in one order, as all that lock several
    SELECT update_id
    FROM updates
    WHERE bot_id = :'bot_id'
      AND update_id = ANY(:'update_ids'::bigint[])
      AND worker = :'worker'
      -- in work: said so, it leaves the planner no index but the primary key
      AND state NOT IN ('pending', 'failed', 'done')
    ORDER BY update_id
    FOR UPDATE
)

UPDATE updates AS u
SET
    state = 'pending',
    due_at = now() + make_interval(secs => :'delay_seconds'::bigint),
    worker = ''
FROM locked AS l
WHERE u.bot_id = :'bot_id'
  AND u.update_id = l.update_id
RETURNING u.update_id;
