-- Gives a worker updates whose turn it is: of each chat the first one, unless one of the chat is in work already.
--
-- An update is never deleted_at, but done. What a worker kept beyond its lease is given again, and counts as a failure;
-- at the limit of those it is set aside, and given as such.
--
-- bot_id            bigint  Telegram's id of the bot
-- worker            text    who asks
-- capacity          bigint  updates to give, at most, 1..1000
-- lease_seconds     bigint  how long the worker keeps them without renewing, 1..3600
-- max_failures      bigint  failures at which an update is set aside, 1..1000
-- after_chat_id     bigint  only chats above this; -9223372036854775808 for all
-- returns           Update  0..capacity rows
WITH RECURSIVE chat AS (
    -- from chat to chat: a thousand updates that wait in one are passed over by one step
    SELECT min(telegram_chat_id) AS id
    FROM updates
    WHERE bot_id = :'bot_id'
      AND telegram_chat_id > :'after_chat_id'
      AND state IN ('pending', 'running')
    UNION ALL
    SELECT (
        SELECT min(u.telegram_chat_id)
        FROM updates AS u
        WHERE u.bot_id = :'bot_id'
          AND u.telegram_chat_id > chat.id
          AND u.state IN ('pending', 'running')
    )
    FROM chat
    WHERE chat.id IS NOT NULL
),

suspect AS (
    -- whose worker vanished twice is tried with no other such: one of them may be the cause
    SELECT CASE WHEN count(*) FILTER (WHERE due_at > now()) = 0 THEN min(update_id) END AS update_id
    FROM updates
    WHERE bot_id = :'bot_id'
      AND state = 'running'
      AND failures >= 2
),

turn AS (
    SELECT first.update_id
    FROM chat
    CROSS JOIN LATERAL (
        SELECT
            u.update_id, u.due_at, u.state, u.failures
        FROM updates AS u
        WHERE u.bot_id = :'bot_id'
          AND u.telegram_chat_id = chat.id
          AND u.state IN ('pending', 'running')
        ORDER BY u.state DESC, u.update_id
        LIMIT 1
    ) AS first
    WHERE first.due_at <= now()
      AND (first.state = 'pending' OR first.failures < 2 OR first.update_id = (SELECT suspect.update_id FROM suspect))
    LIMIT :'capacity'
),

locked AS (
    SELECT
        bot_id, update_id
    FROM updates
    WHERE bot_id = :'bot_id'
      AND update_id = ANY(ARRAY(SELECT update_id FROM turn))
      -- again, on what another worker may have made of it meanwhile; in these words, since by the others the planner
      -- reads all of ix_updates_turn, where nothing waited at the last ANALYZE
      AND state NOT IN ('failed', 'done')
      AND due_at <= now()
    FOR UPDATE SKIP LOCKED
)

UPDATE updates AS u
SET
    state = CASE WHEN u.state = 'running' AND u.failures + 1 >= :'max_failures' THEN 'failed' ELSE 'running' END,
    due_at = now() + make_interval(secs => :'lease_seconds'::bigint),
    worker = :'worker',
    attempts = u.attempts + 1,
    failures = u.failures + CASE WHEN u.state = 'running' THEN 1 ELSE 0 END,
    error = CASE WHEN u.state = 'running' THEN 'the worker vanished' ELSE u.error END
FROM locked AS l
WHERE u.bot_id = l.bot_id
  AND u.update_id = l.update_id
RETURNING
    u.bot_id, u.update_id, u.telegram_chat_id, u.telegram_user_id, u.payload::text AS payload, u.state, u.due_at,
    u.worker, u.attempts, u.failures, u.sends, u.arrived, u.error, u.sqlstate, u.received_at, u.finished_at;
