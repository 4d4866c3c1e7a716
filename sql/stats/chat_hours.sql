-- When people write in one chat: their messages by weekday and hour of the clock; none is a row, too.
--
-- chat_id    bigint       botcore's id of the chat
-- since      timestamptz  from when on; -infinity for 30 days
-- until      timestamptz  up to before when; infinity for now
-- time_zone  text         of the days, IANA's name, 1..64
-- returns    Hour         168 rows, from Monday's first hour on
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

said AS (
    SELECT
        extract(ISODOW FROM m.sent_at AT TIME ZONE :'time_zone') AS weekday,
        extract(HOUR FROM m.sent_at AT TIME ZONE :'time_zone') AS hour,
        count(*) AS messages
    FROM messages AS m
    WHERE m.chat_id = :'chat_id'
      AND m.deleted_at IS NULL
      AND m.sent_at >= (SELECT span.since FROM span)
      AND m.sent_at < (SELECT span.until FROM span)
      AND m.role = 'user'
    GROUP BY weekday, hour
)

SELECT
    w.weekday::bigint AS weekday, h.hour::bigint AS hour, COALESCE(said.messages, 0) AS messages
FROM generate_series(1, 7) AS w (weekday)
CROSS JOIN generate_series(0, 23) AS h (hour)
LEFT JOIN said
    ON said.weekday = w.weekday
    AND said.hour = h.hour
ORDER BY w.weekday, h.hour;
