-- What set a bot's updates aside, by the class of the error, the most frequent first.
--
-- An update is never deleted_at, but done. It counts 10,000 of them and no more.
--
-- bot_id     bigint   Telegram's id of the bot
-- page_size  bigint   classes at most, 1..100
-- returns    Failure  0..page_size rows
SELECT
    error, count(*) AS count
FROM (
    SELECT COALESCE(error, '') AS error
    FROM updates
    WHERE bot_id = :'bot_id'
      AND state = 'failed'
    LIMIT 10000
) AS aside
GROUP BY error
ORDER BY count DESC, error
LIMIT :'page_size';
