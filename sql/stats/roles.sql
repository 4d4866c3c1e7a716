-- What was said to and by a bot, by who speaks to a model: messages, with whom and where, and how long they are.
--
-- bot_id     bigint       Telegram's id of the bot; 0 for the terminal
-- since      timestamptz  from when on; -infinity for 30 days
-- until      timestamptz  up to before when; infinity for now
-- time_zone  text         of the days, IANA's name, 1..64
-- returns    Spoke        3 rows: user, assistant, system
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
    SELECT m.chat_id, m.user_id, m.role, m.length
    FROM messages AS m
    WHERE m.deleted_at IS NULL
      -- true of all, and of the index
      AND m.length >= 0
      AND m.sent_at >= (SELECT span.since FROM span)
      AND m.sent_at < (SELECT span.until FROM span)
),

said AS (
    SELECT
        m.role,
        count(*) AS messages,
        count(DISTINCT m.user_id) AS people,
        count(DISTINCT m.chat_id) AS chats,
        sum(m.length) AS characters,
        percentile_disc(0.5) WITHIN GROUP (ORDER BY m.length) AS median_characters
    FROM chats AS c
    INNER JOIN sent AS m ON m.chat_id = c.id
    WHERE c.bot_id = :'bot_id'
      AND c.deleted_at IS NULL
    GROUP BY m.role
)

SELECT
    r.role,
    COALESCE(said.messages, 0) AS messages,
    COALESCE(said.people, 0) AS people,
    COALESCE(said.chats, 0) AS chats,
    COALESCE(said.characters, 0) AS characters,
    COALESCE(said.median_characters, 0)::bigint AS median_characters
FROM (VALUES (1, 'user'), (2, 'assistant'), (3, 'system')) AS r (n, role)
LEFT JOIN said ON said.role = r.role
ORDER BY r.n;
