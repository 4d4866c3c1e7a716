-- What the answers of a model to everybody cost, by one bot, on the day of a moment, from midnight UTC on.
--
-- Usage is never deleted_at: it goes with its person. It reads all usage.
--
-- bot_id   bigint       Telegram's id of the bot; 0 for the terminal
-- at       timestamptz  the moment; infinity for now
-- returns  Cost         1 row
SELECT
    count(*) AS people,
    COALESCE(sum(requests), 0)::bigint AS requests,
    COALESCE(sum(input_tokens), 0)::bigint AS input_tokens,
    COALESCE(sum(output_tokens), 0)::bigint AS output_tokens
FROM usage
WHERE bot_id = :'bot_id'
  AND day = (COALESCE(NULLIF(:'at'::timestamptz, 'infinity'), now()) AT TIME ZONE 'UTC')::date;
