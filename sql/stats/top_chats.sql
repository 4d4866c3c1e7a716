-- The chats with the most messages.
--
-- bot_id     bigint       Telegram's id of the bot; 0 for the terminal
-- since      timestamptz  from when on; -infinity for 30 days
-- until      timestamptz  up to before when; infinity for now
-- time_zone  text         of the days, IANA's name, 1..64
-- page_size  bigint       rows at most, 1..1000
-- returns    BusyChat     0..page_size rows, the busiest first
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
    SELECT m.chat_id, m.user_id, m.length, m.sent_at
    FROM messages AS m
    WHERE m.deleted_at IS NULL
      -- true of all, and of the index
      AND m.length >= 0
      AND m.sent_at >= (SELECT span.since FROM span)
      AND m.sent_at < (SELECT span.until FROM span)
),

busiest AS (
    SELECT
        c.id AS chat_id, c.telegram_chat_id, c.type, c.title,
        count(*) AS messages,
        count(DISTINCT m.user_id) AS people,
        sum(m.length) AS characters,
        max(m.sent_at) AS last_at
    FROM chats AS c
    INNER JOIN sent AS m ON m.chat_id = c.id
    WHERE c.bot_id = :'bot_id'
      AND c.deleted_at IS NULL
    GROUP BY c.id
    ORDER BY messages DESC, c.id
    LIMIT :'page_size'
)

SELECT
    b.chat_id, b.telegram_chat_id, b.type,
    COALESCE(b.title, NULLIF(concat_ws(' ', u.first_name, u.last_name), '')) AS title,
    b.messages, b.people, b.characters, b.last_at
FROM busiest AS b
LEFT JOIN users AS u
    ON u.telegram_user_id = b.telegram_chat_id
    AND b.type = 'private'
    AND u.deleted_at IS NULL
ORDER BY b.messages DESC, b.chat_id;
