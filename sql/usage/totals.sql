-- What the answers of a model to one person cost, by one bot: on the day of a moment, from midnight UTC on, and in all.
--
-- Usage is never deleted_at: it goes with its person.
--
-- user_id  bigint       botcore's id of the person
-- bot_id   bigint       Telegram's id of the bot; 0 for the terminal
-- at       timestamptz  the moment; infinity for now
-- returns  Spent        1 row
WITH today AS (
    SELECT (COALESCE(NULLIF(:'at'::timestamptz, 'infinity'), now()) AT TIME ZONE 'UTC')::date AS day
)

SELECT
    COALESCE(sum(u.requests) FILTER (WHERE u.day = today.day), 0)::bigint AS today_requests,
    COALESCE(sum(u.input_tokens) FILTER (WHERE u.day = today.day), 0)::bigint AS today_input_tokens,
    COALESCE(sum(u.output_tokens) FILTER (WHERE u.day = today.day), 0)::bigint AS today_output_tokens,
    COALESCE(sum(u.requests), 0)::bigint AS requests,
    COALESCE(sum(u.input_tokens), 0)::bigint AS input_tokens,
    COALESCE(sum(u.output_tokens), 0)::bigint AS output_tokens,
    COALESCE(sum(u.input_characters), 0)::bigint AS input_characters
FROM usage AS u
CROSS JOIN today
WHERE u.user_id = :'user_id'
  AND u.bot_id = :'bot_id';
