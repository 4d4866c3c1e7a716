-- What was said in one chat on each day: messages by role, and their characters; none is a row, too.
--
-- chat_id    bigint       botcore's id of the chat
-- since      timestamptz  from when on; -infinity for 30 days
-- until      timestamptz  up to before when; infinity for now
-- time_zone  text         of the days, IANA's name, 1..64
-- returns    Daily        1.. rows
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
        date_trunc('day', m.sent_at AT TIME ZONE :'time_zone') AS day,
        count(*) FILTER (WHERE m.role = 'system') AS system_messages,
        count(*) FILTER (WHERE m.role = 'user') AS user_messages,
        count(*) FILTER (WHERE m.role = 'assistant') AS assistant_messages,
        sum(m.length) FILTER (WHERE m.role = 'user') AS user_characters,
        sum(m.length) FILTER (WHERE m.role = 'assistant') AS assistant_characters
    FROM messages AS m
    WHERE m.chat_id = :'chat_id'
      AND m.deleted_at IS NULL
      AND m.sent_at >= (SELECT span.since FROM span)
      AND m.sent_at < (SELECT span.until FROM span)
    GROUP BY day
)

SELECT
    to_char(d.day, 'YYYY-MM-DD') AS day,
    COALESCE(said.system_messages, 0) AS system_messages,
    COALESCE(said.user_messages, 0) AS user_messages,
    COALESCE(said.assistant_messages, 0) AS assistant_messages,
    COALESCE(said.user_characters, 0) AS user_characters,
    COALESCE(said.assistant_characters, 0) AS assistant_characters
FROM span
CROSS JOIN LATERAL generate_series(
    date_trunc('day', span.since AT TIME ZONE :'time_zone'),
    (span.until - interval '1 microsecond') AT TIME ZONE :'time_zone',
    interval '1 day'
) AS d (day)
LEFT JOIN said ON said.day = d.day
ORDER BY d.day;
