-- Stores the batch of messages in copy_in_stage, each once, and counts. Run copy_in_lock first.
--
-- What its chat has already stays as it is, deleted or not, so deleted_at is looked at nowhere: copy_in_lock did for
-- chats and people. Of people who opted out, or were erased after they sent it, nothing is stored, nor in a private
-- chat with them. What was sent to a group that became a supergroup is stored there, by its Telegram id negated.
--
-- after    messages/copy_in_stage
-- returns  Copied  1 row
WITH places AS MATERIALIZED (
    SELECT
        asked.id AS asked_id, c.id, c.telegram_chat_id,
        (SELECT r.until FROM refusals AS r WHERE r.person = person_digest(c.telegram_chat_id) AND c.type = 'private')
            AS refused_until
    FROM chats AS asked
    INNER JOIN chats AS c ON c.id = COALESCE(asked.successor_id, asked.id)
    WHERE asked.id IN (SELECT s.chat_id FROM copy_in_stage AS s)
),

people AS MATERIALIZED (
    SELECT
        u.id, (SELECT r.until FROM refusals AS r WHERE r.person = person_digest(u.telegram_user_id)) AS refused_until
    FROM users AS u
    WHERE u.id IN (SELECT s.user_id FROM copy_in_stage AS s)
),

given AS MATERIALIZED (
    SELECT
        s.id, p.id AS chat_id, u.id AS user_id, s.message_thread_id, s.role, s.kind, s.content,
        NULLIF(s.telegram_message_id, 0) * t.sign AS telegram_message_id,
        NULLIF(s.reply_to_message_id, 0) * t.sign AS reply_to_message_id,
        NULLIF(s.reply_to_id, 0) AS reply_to_id,
        NULLIF(s.media_group_id, '') AS media_group_id, NULLIF(s.sender_chat_id, 0) AS sender_chat_id,
        s.forward_date, s.sent_at, s.edited_at, NULLIF(s.delivery, '') AS delivery
    FROM copy_in_stage AS s
    INNER JOIN places AS p ON p.asked_id = s.chat_id
    LEFT JOIN people AS u ON u.id = s.user_id
    CROSS JOIN LATERAL (
        SELECT CASE WHEN COALESCE(s.telegram_chat_id, 0) IN (0, p.telegram_chat_id) THEN 1 ELSE -1 END AS sign
    ) AS t
    -- GREATEST leaves NULL out, infinity is for good
    WHERE COALESCE(s.sent_at > GREATEST(p.refused_until, u.refused_until), TRUE)
),

firsts AS (
    SELECT
        chat_id, telegram_message_id, min(id) AS id
    FROM given
    WHERE telegram_message_id IS NOT NULL
    GROUP BY chat_id, telegram_message_id
),

stored AS (
    INSERT INTO messages (
        chat_id, id, user_id, message_thread_id, role, kind, content, telegram_message_id, reply_to_id, media_group_id,
        sender_chat_id, forward_date, sent_at, edited_at, delivery
    )
    OVERRIDING SYSTEM VALUE
    SELECT
        g.chat_id, g.id, g.user_id, g.message_thread_id, g.role, g.kind, g.content, g.telegram_message_id,
        -- by the index, row by row: for a join the planner would read all of a small table
        COALESCE(
            CASE WHEN g.reply_to_message_id IS NOT NULL THEN
                (SELECT m.id FROM messages AS m
                WHERE m.chat_id = g.chat_id AND m.telegram_message_id = g.reply_to_message_id)
            END,
            f.id, g.reply_to_id
        ) AS reply_to_id,
        g.media_group_id, g.sender_chat_id, g.forward_date, g.sent_at, g.edited_at, g.delivery
    FROM given AS g
    LEFT JOIN firsts AS f
        ON f.chat_id = g.chat_id
        AND f.telegram_message_id = g.reply_to_message_id
    -- in the unique index's order, so that two imports that meet wait rather than deadlock
    ORDER BY g.chat_id, g.telegram_message_id, g.id
    ON CONFLICT (chat_id, telegram_message_id) WHERE telegram_message_id IS NOT NULL DO NOTHING
    RETURNING id
)

SELECT
    n.given, n.stored, n.allowed - n.stored AS known, n.given - n.allowed AS refused
FROM (
    SELECT
        (SELECT count(*) FROM copy_in_stage) AS given,
        (SELECT count(*) FROM given) AS allowed,
        (SELECT count(*) FROM stored) AS stored
) AS n;
