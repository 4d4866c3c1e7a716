-- How many updates of a bot wait, are in work and were set aside, and since when the first of those that wait does.
--
-- An update is never deleted_at, but done. Beyond `most` it counts no further, and looks no further for the first.
--
-- bot_id   bigint   Telegram's id of the bot
-- most     bigint   counted at most, 1..1000000
-- returns  Backlog  1 row
WITH turn AS (
    SELECT
        state, received_at
    FROM updates
    WHERE bot_id = :'bot_id'
      AND state IN ('pending', 'running')
    LIMIT :'most'
),

aside AS (
    SELECT update_id
    FROM updates
    WHERE bot_id = :'bot_id'
      AND state = 'failed'
    LIMIT :'most'
)

SELECT
    count(*) FILTER (WHERE state = 'pending') AS pending,
    count(*) FILTER (WHERE state = 'running') AS running,
    (SELECT count(*) FROM aside) AS failed,
    COALESCE(extract(EPOCH FROM now() - min(received_at) FILTER (WHERE state = 'pending')), 0)::bigint AS oldest_seconds
FROM turn;
