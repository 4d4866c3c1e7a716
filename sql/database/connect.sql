-- What each of the pool's connections begins with. Reads no table, so there is no deleted_at to mind.
--
-- In UTC the driver makes a time in half the time. A plan for any values serves all of these files: where the server
-- may choose, it takes a list for longer than it is, and plans such a statement anew at every call.
--
-- returns  text  1 row: the settings
SELECT concat_ws(
    ', ', set_config('TimeZone', 'UTC', FALSE), set_config('plan_cache_mode', 'force_generic_plan', FALSE)
) AS settings;
