-- How long people waited for a bot's first reply, by the day of what they wrote and, without a day, in all.
--
-- By Telegram's dates, in whole seconds. A reply that came more than a day after the end is not seen; one that
-- was not sent yet is none.
--
-- bot_id     bigint       Telegram's id of the bot; 0 for the terminal
-- since      timestamptz  from when on; -infinity for 30 days
-- until      timestamptz  up to before when; infinity for now
-- time_zone  text         of the days, IANA's name, 1..64
-- returns    AnswerTimes  2.. rows, the last one in all; no times where nothing was answered
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
    SELECT m.chat_id, m.id, m.reply_to_id, m.role, m.sent_at
    FROM messages AS m
    WHERE m.deleted_at IS NULL
      AND m.delivery IS DISTINCT FROM 'pending'
      -- true of all, and of the index
      AND m.length >= 0
      AND m.sent_at >= (SELECT span.since FROM span)
      AND m.sent_at < (SELECT span.until + interval '1 day' FROM span)
),

said AS (
    SELECT m.chat_id, m.id, m.reply_to_id, m.role, m.sent_at
    FROM chats AS c
    INNER JOIN sent AS m ON m.chat_id = c.id
    WHERE c.bot_id = :'bot_id'
      AND c.deleted_at IS NULL
),

reply AS (
    SELECT chat_id, reply_to_id, min(sent_at) AS sent_at
    FROM said
    WHERE role = 'assistant'
      AND reply_to_id IS NOT NULL
    GROUP BY chat_id, reply_to_id
),

waited AS (
    SELECT
        date_trunc('day', q.sent_at AT TIME ZONE :'time_zone') AS day,
        -- the greatest of NULL and 0 were 0
        CASE
            WHEN reply.sent_at > q.sent_at THEN extract(EPOCH FROM reply.sent_at - q.sent_at) * 1000
            WHEN reply.sent_at IS NOT NULL THEN 0
        END::bigint AS milliseconds
    FROM said AS q
    LEFT JOIN reply
        ON reply.chat_id = q.chat_id
        AND reply.reply_to_id = q.id
    WHERE q.role = 'user'
      AND q.sent_at < (SELECT span.until FROM span)
)

SELECT
    to_char(d.day, 'YYYY-MM-DD') AS day,
    count(waited.day) AS questions,
    count(waited.milliseconds) AS answered,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY waited.milliseconds) AS median_milliseconds,
    percentile_disc(0.95) WITHIN GROUP (ORDER BY waited.milliseconds) AS p95_milliseconds
FROM span
CROSS JOIN LATERAL generate_series(
    date_trunc('day', span.since AT TIME ZONE :'time_zone'),
    (span.until - interval '1 microsecond') AT TIME ZONE :'time_zone',
    interval '1 day'
) AS d (day)
LEFT JOIN waited ON waited.day = d.day
GROUP BY GROUPING SETS ((d.day), ())
ORDER BY d.day;
