-- What the answers of a model by one bot cost, by day; none is a row, too.
--
-- Usage is kept by UTC's days: each day of the time zone has what was used on that date by UTC, the first and the last
-- whole. Usage is never deleted_at: it goes with its person.
--
-- bot_id     bigint       Telegram's id of the bot; 0 for the terminal
-- since      timestamptz  from when on; -infinity for 30 days
-- until      timestamptz  up to before when; infinity for now
-- time_zone  text         of the days, IANA's name, 1..64
-- returns    Tokens       1.. rows
WITH span AS (
    SELECT
        COALESCE(
            NULLIF(:'since'::timestamptz, '-infinity'),
            (date_trunc('day', (u.until - interval '1 microsecond') AT TIME ZONE :'time_zone') - interval '29 days')
            AT TIME ZONE :'time_zone'
        ) AS since,
        u.until
    FROM (SELECT COALESCE(NULLIF(:'until'::timestamptz, 'infinity'), now()) AS until) AS u
),

used AS (
    SELECT
        day,
        count(DISTINCT user_id) AS people,
        sum(requests)::bigint AS requests,
        sum(input_tokens)::bigint AS input_tokens,
        sum(output_tokens)::bigint AS output_tokens
    FROM usage
    WHERE bot_id = :'bot_id'
      AND day >= (SELECT (span.since AT TIME ZONE :'time_zone')::date FROM span)
      AND day <= (SELECT ((span.until - interval '1 microsecond') AT TIME ZONE :'time_zone')::date FROM span)
    GROUP BY day
)

SELECT
    to_char(d.day, 'YYYY-MM-DD') AS day,
    COALESCE(used.people, 0) AS people,
    COALESCE(used.requests, 0) AS requests,
    COALESCE(used.input_tokens, 0) AS input_tokens,
    COALESCE(used.output_tokens, 0) AS output_tokens
FROM span
CROSS JOIN LATERAL generate_series(
    date_trunc('day', span.since AT TIME ZONE :'time_zone'),
    (span.until - interval '1 microsecond') AT TIME ZONE :'time_zone',
    interval '1 day'
) AS d (day)
LEFT JOIN used ON used.day = d.day
ORDER BY d.day;
