-- How many people wrote to a bot, by day, week from Monday on, or month; none is a row, too.
--
-- bot_id     bigint       Telegram's id of the bot; 0 for the terminal
-- unit       text         day, week or month, 1..5
-- since      timestamptz  from when on; -infinity for 30 days
-- until      timestamptz  up to before when; infinity for now
-- time_zone  text         of the days, IANA's name, 1..64
-- returns    Active       1.. rows
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

sent AS MATERIALIZED (
    -- of all bots, and read once: by the chats of a bot that has most of them it would be read for each
    SELECT m.chat_id, m.user_id, m.sent_at
    FROM messages AS m
    WHERE m.deleted_at IS NULL
      -- true of all, and of the index
      AND m.length >= 0
      AND m.sent_at >= (SELECT span.since FROM span)
      AND m.sent_at < (SELECT span.until FROM span)
      AND m.role = 'user'
),

said AS (
    SELECT
        date_trunc(:'unit', m.sent_at AT TIME ZONE :'time_zone') AS starts_on,
        count(DISTINCT m.user_id) AS people
    FROM chats AS c
    INNER JOIN sent AS m ON m.chat_id = c.id
    WHERE c.bot_id = :'bot_id'
      AND c.deleted_at IS NULL
    GROUP BY starts_on
)

SELECT
    to_char(p.starts_on, 'YYYY-MM-DD') AS starts_on, COALESCE(said.people, 0) AS people
FROM span
CROSS JOIN LATERAL generate_series(
    date_trunc(:'unit', span.since AT TIME ZONE :'time_zone'),
    (span.until - interval '1 microsecond') AT TIME ZONE :'time_zone',
    ('1 ' || :'unit')::interval
) AS p (starts_on)
LEFT JOIN said ON said.starts_on = p.starts_on
ORDER BY p.starts_on;
