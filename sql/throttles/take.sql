-- Takes one of the places that a person has in each minute with a bot, or counts the refusal where all are taken.
--
-- Exact over all processes: the row is locked while it is looked at. Throttles are never deleted_at: they go with
-- their person.
--
-- user_id     bigint     botcore's id of the person
-- bot_id      bigint     Telegram's id of the bot; 0 for the terminal
-- per_minute  bigint     places, 1..1000
-- returns     Throttled  1 row, or none where the person is gone
INSERT INTO throttles AS t (user_id, bot_id, asked_at, refused)
SELECT
    id, :'bot_id' AS bot_id, ARRAY[clock_timestamp()] AS asked_at, 0 AS refused
FROM users
WHERE id = :'user_id'
  AND deleted_at IS NULL
ON CONFLICT (user_id, bot_id) DO UPDATE
SET
    -- newest first, no more than there are places; the last of so many is NULL where fewer were taken so far
    asked_at = CASE
        WHEN t.asked_at[:'per_minute'::bigint] > excluded.asked_at[1] - interval '1 minute' THEN t.asked_at
        ELSE trim_array(
            excluded.asked_at || t.asked_at,
            GREATEST(0, cardinality(t.asked_at) + 1 - :'per_minute'::bigint)::int
        )
    END,
    refused = CASE
        WHEN t.asked_at[:'per_minute'::bigint] > excluded.asked_at[1] - interval '1 minute' THEN t.refused + 1
        ELSE 0
    END
RETURNING
    refused,
    CASE
        WHEN refused = 0 THEN 0
        ELSE ceil(
            extract(EPOCH FROM asked_at[:'per_minute'::bigint] + interval '1 minute' - clock_timestamp())
        )::bigint
    END AS wait_seconds;
