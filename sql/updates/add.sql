-- Stores a batch of updates as Telegram delivered them, each once, and gives a worker at once those whose turn it is.
--
-- An update is never deleted_at, but done. Of each chat the first one is given where nothing of the chat waits or is in
-- work; the others wait.
--
-- bot_id             bigint    Telegram's id of the bot
-- update_ids         bigint[]  at most 1..1000
-- telegram_chat_ids  bigint[]  whose turn each one is: the chat's id, else the person's, else 0
-- telegram_user_ids  bigint[]  who sent it, 0 for nobody
-- payloads           text[]    the JSON of each
-- worker             text      who asks
-- capacity           bigint    updates to give, at most, 0..1000
-- lease_seconds      bigint    how long the worker keeps them without renewing, 1..3600
-- returns            Update    0..capacity rows
WITH given AS (
    SELECT
        u.update_id, u.telegram_chat_id, u.telegram_user_id, u.payload
    FROM unnest(
        :'update_ids'::bigint[], :'telegram_chat_ids'::bigint[], :'telegram_user_ids'::bigint[], :'payloads'::text[]
    ) AS u (update_id, telegram_chat_id, telegram_user_id, payload)
    WHERE NOT EXISTS (SELECT FROM updates AS k WHERE k.bot_id = :'bot_id' AND k.update_id = u.update_id)
),

turn AS (
    SELECT min(g.update_id) AS update_id
    FROM given AS g
    WHERE NOT EXISTS (
        SELECT FROM updates AS u
        WHERE u.bot_id = :'bot_id'
          AND u.telegram_chat_id = g.telegram_chat_id
          AND u.state IN ('pending', 'running')
        -- row by row: where nothing waited at the last ANALYZE, a join would read all that waits now
        OFFSET 0
    )
    GROUP BY g.telegram_chat_id
    ORDER BY min(g.update_id)
    LIMIT :'capacity'
),

stored AS (
    INSERT INTO updates (
        bot_id, update_id, telegram_chat_id, telegram_user_id, payload, state, due_at, worker, attempts
    )
    SELECT
        :'bot_id' AS bot_id, g.update_id, g.telegram_chat_id, g.telegram_user_id, g.payload::json AS payload, s.state,
        s.due_at, s.worker, s.attempts
    FROM given AS g
    INNER JOIN (
        VALUES
        (TRUE, 'running', now() + make_interval(secs => :'lease_seconds'::bigint), :'worker', 1),
        (FALSE, 'pending', now(), '', 0)
    ) AS s (is_turn, state, due_at, worker, attempts)
        ON s.is_turn = (g.update_id IN (SELECT update_id FROM turn))
    ORDER BY g.update_id
    ON CONFLICT (bot_id, update_id) DO NOTHING
    RETURNING
        bot_id, update_id, telegram_chat_id, telegram_user_id, payload, state, due_at, worker, attempts, failures,
        sends, arrived, error, sqlstate, received_at, finished_at
)

SELECT
    bot_id, update_id, telegram_chat_id, telegram_user_id, payload::text AS payload, state, due_at, worker, attempts,
    failures, sends, arrived, error, sqlstate, received_at, finished_at
FROM stored
WHERE state = 'running'
ORDER BY update_id;
