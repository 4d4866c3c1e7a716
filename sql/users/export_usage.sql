-- What a model's answers to a person cost, by bot and day.
--
-- Usage is never deleted_at: it goes with its person, and is not told while that one is hidden.
--
-- telegram_user_id  bigint  Telegram's id of the person, 1..9223372036854775807
-- returns           Usage   0.. rows
SELECT
    g.user_id, g.bot_id, to_char(g.day, 'YYYY-MM-DD') AS day, g.requests, g.input_tokens, g.output_tokens,
    g.input_characters
FROM usage AS g
INNER JOIN users AS u ON u.id = g.user_id
WHERE u.telegram_user_id = :'telegram_user_id'
  AND u.deleted_at IS NULL
ORDER BY g.bot_id, g.day;
