-- What each of the pool's connections begins with. Reads no table, so there is no deleted_at to mind.
--
-- In UTC the driver makes a time in half the time. A plan for any values serves all of these files: where the server
-- may choose, it takes a list for longer than it is, and plans such a statement anew at every call. Which process
-- answers tells whether a pooler is in between: that gives its clients a number of its own.
--
-- backend_pid  bigint   the process that the connection was made with, whose session alone is set up; 0 for any
-- returns      integer  1 row: the process that serves the connection
SELECT pg_backend_pid() AS backend_pid
WHERE CASE
    -- a pooler's session goes to others, too
    WHEN :'backend_pid'::bigint IN (0, pg_backend_pid()) THEN
        set_config('TimeZone', 'UTC', FALSE) = 'UTC'
        AND set_config('plan_cache_mode', 'force_generic_plan', FALSE) = 'force_generic_plan'
    ELSE TRUE
END;
