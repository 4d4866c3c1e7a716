-- Lets a worker keep for longer what it has in work, and gives the numbers; what is missing is another's by now.
--
-- An update is never deleted_at, but done. What the worker does not name runs out: it may not know that it has it.
--
-- bot_id         bigint    Telegram's id of the bot
-- update_ids     bigint[]  at most 1..1000
-- worker         text      who asks
-- lease_seconds  bigint    from now, 1..3600
-- returns        bigint    0.. rows
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
SET due_at = now() + make_interval(secs => :'lease_seconds'::bigint)
FROM locked AS l
WHERE u.bot_id = :'bot_id'
  AND u.update_id = l.update_id
RETURNING u.update_id;
