-- Adds what one answer of a model cost to what its person used on that day; days begin at midnight UTC.
--
-- Usage is never deleted_at: it goes with its person. None is added of a person who is deleted, opted out, or was
-- erased since.
--
-- user_id           bigint       botcore's id of the person who was answered
-- bot_id            bigint       Telegram's id of the bot; 0 for the terminal
-- input_tokens      bigint       what the model read, 0..1000000000
-- output_tokens     bigint       what it wrote, 0..1000000000
-- input_characters  bigint       characters of what it read, 0..1000000000
-- at                timestamptz  when; infinity for now
-- returns           boolean      TRUE, or no row where nothing was added
WITH moment AS (
    SELECT COALESCE(NULLIF(:'at'::timestamptz, 'infinity'), now()) AS at
),

person AS (
    SELECT id
    FROM users
    WHERE id = :'user_id'
      AND deleted_at IS NULL
      AND NOT EXISTS (
          SELECT FROM refusals
          WHERE person = person_digest(telegram_user_id)
            AND until >= (SELECT moment.at FROM moment)
      )
    FOR KEY SHARE
)

INSERT INTO usage AS u (user_id, bot_id, day, requests, input_tokens, output_tokens, input_characters)
SELECT
    person.id, :'bot_id' AS bot_id, (moment.at AT TIME ZONE 'UTC')::date AS day, 1 AS requests,
    :'input_tokens' AS input_tokens, :'output_tokens' AS output_tokens, :'input_characters' AS input_characters
FROM person
CROSS JOIN moment
ON CONFLICT (user_id, bot_id, day) DO UPDATE
SET
    requests = u.requests + excluded.requests,
    input_tokens = u.input_tokens + excluded.input_tokens,
    output_tokens = u.output_tokens + excluded.output_tokens,
    input_characters = u.input_characters + excluded.input_characters
RETURNING TRUE AS added;
