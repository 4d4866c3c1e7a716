-- Of the people who wrote to a bot first in a week, how many wrote in each of the weeks after, that one being 0.
--
-- Who wrote before is in none: of each the messages are looked through until an older one is found. Weeks begin on
-- Mondays.
--
-- bot_id     bigint       Telegram's id of the bot; 0 for the terminal
-- since      timestamptz  from when on; -infinity for 30 days
-- until      timestamptz  up to before when; infinity for now
-- time_zone  text         of the days, IANA's name, 1..64
-- weeks      bigint       how many weeks after at most, 1..53
-- returns    Cohort       1.. rows
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
      AND m.user_id IS NOT NULL
),

active AS (
    SELECT DISTINCT m.user_id, date_trunc('week', m.sent_at AT TIME ZONE :'time_zone') AS week
    FROM chats AS c
    INNER JOIN sent AS m ON m.chat_id = c.id
    WHERE c.bot_id = :'bot_id'
      AND c.deleted_at IS NULL
),

older AS (
    SELECT a.user_id
    FROM (SELECT DISTINCT user_id FROM active) AS a
    CROSS JOIN LATERAL (
        SELECT m.id
        FROM messages AS m
        WHERE m.user_id = a.user_id
          -- by a CASE no index is gone by: that of the times would be read for each person
          AND CASE WHEN m.sent_at < (SELECT span.since FROM span) THEN m.role = 'user' END
          AND m.deleted_at IS NULL
          -- not joined: for each person the chats of the bot would be read
          AND (SELECT c.bot_id FROM chats AS c WHERE c.id = m.chat_id AND c.deleted_at IS NULL) = :'bot_id'
        LIMIT 1
    ) AS before
),

newcomer AS (
    SELECT week, min(week) OVER (PARTITION BY user_id) AS first_week
    FROM active
    -- IN: how many there are the planner guesses too low to join them
    WHERE user_id NOT IN (SELECT older.user_id FROM older)
),

came AS (
    SELECT first_week, (extract(DAY FROM week - first_week) / 7)::bigint AS weeks_after, count(*) AS people
    FROM newcomer
    GROUP BY first_week, weeks_after
)

SELECT
    to_char(w.week, 'YYYY-MM-DD') AS week, k.weeks_after, COALESCE(came.people, 0) AS people
FROM span
CROSS JOIN LATERAL generate_series(
    date_trunc('week', span.since AT TIME ZONE :'time_zone'),
    (span.until - interval '1 microsecond') AT TIME ZONE :'time_zone',
    interval '7 days'
) AS w (week)
CROSS JOIN generate_series(0, :'weeks'::bigint) AS k (weeks_after)
LEFT JOIN came
    ON came.first_week = w.week
    AND came.weeks_after = k.weeks_after
WHERE w.week + k.weeks_after * interval '7 days' < span.until AT TIME ZONE :'time_zone'
ORDER BY w.week, k.weeks_after;
