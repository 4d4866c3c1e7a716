-- Takes one of the places that a person has in each minute with a bot, or counts the refusal where all are taken.
--
-- A message that has one of the newest places keeps it, however often it asks. Exact over all processes: the row is
-- locked while it is looked at. Throttles are never deleted_at: they go with their person.
--
-- user_id     bigint     botcore's id of the person
-- bot_id      bigint     Telegram's id of the bot; 0 for the terminal
-- chat_id     bigint     botcore's id of the chat where they ask
-- message_id  bigint     botcore's id of the message by which they ask
-- per_minute  bigint     places, 1..1000
-- returns     Throttled  1 row; none where the person is gone, or another attempt at the message takes its place now
WITH kept AS (
    SELECT
        0::bigint AS refused, 0::bigint AS wait_seconds, FALSE AS to_tell
    FROM throttles
    WHERE user_id = :'user_id'
      AND bot_id = :'bot_id'
      AND :'message_id' = ANY(message_ids)
),

taken AS (
    INSERT INTO throttles AS t (user_id, bot_id, asked_at, refused, message_ids, told)
    SELECT
        id, :'bot_id' AS bot_id, ARRAY[clock_timestamp()] AS asked_at, 0 AS refused,
        ARRAY[:'message_id'::bigint] AS message_ids, '{}' AS told
    FROM users
    WHERE id = :'user_id'
      AND deleted_at IS NULL
      AND NOT EXISTS (TABLE kept)
    ON CONFLICT (user_id, bot_id) DO UPDATE
    SET
        -- newest first, no more than there are places; the last of so many is NULL where fewer were taken so far, and
        -- not believed where the clock was ahead that it is of
        asked_at = CASE
            WHEN t.asked_at[:'per_minute'::bigint] - excluded.asked_at[1]
                BETWEEN interval '-1 minute' AND interval '1 minute' THEN t.asked_at
            ELSE trim_array(
                excluded.asked_at || t.asked_at,
                GREATEST(0, cardinality(t.asked_at) + 1 - :'per_minute'::bigint)::int
            )
        END,
        message_ids = CASE
            WHEN t.asked_at[:'per_minute'::bigint] - excluded.asked_at[1]
                BETWEEN interval '-1 minute' AND interval '1 minute' THEN t.message_ids
            ELSE trim_array(
                excluded.message_ids || t.message_ids,
                GREATEST(0, cardinality(t.message_ids) + 1 - :'per_minute'::bigint)::int
            )
        END,
        refused = CASE
            WHEN t.asked_at[:'per_minute'::bigint] - excluded.asked_at[1]
                BETWEEN interval '-1 minute' AND interval '1 minute' THEN t.refused + 1
            ELSE 0
        END,
        -- by chat the message to which the person is told, the first one there
        told = CASE
            WHEN t.asked_at[:'per_minute'::bigint] - excluded.asked_at[1]
                BETWEEN interval '-1 minute' AND interval '1 minute'
                THEN jsonb_build_object(:'chat_id'::bigint, :'message_id'::bigint) || t.told
            ELSE '{}'
        END
    -- another attempt at the same moment has taken it
    WHERE NOT (:'message_id' = ANY(t.message_ids))
    RETURNING
        refused,
        CASE
            WHEN refused = 0 THEN 0
            ELSE ceil(
                extract(EPOCH FROM asked_at[:'per_minute'::bigint] + interval '1 minute' - clock_timestamp())
            )::bigint
        END AS wait_seconds,
        COALESCE((told ->> :'chat_id'::bigint::text)::bigint = :'message_id', FALSE) AS to_tell
)

TABLE taken
UNION ALL
TABLE kept;
