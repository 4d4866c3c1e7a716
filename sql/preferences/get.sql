-- What a person chose, by Telegram's id; no row where they never did.
--
-- Preferences are never deleted_at: they go with their person, and are not told while that one is hidden.
--
-- telegram_user_id  bigint       Telegram's id of the person, 1..9223372036854775807
-- returns           Preferences  0..1 rows
SELECT
    p.user_id, p.language, p.updated_at
FROM preferences AS p
INNER JOIN users AS u ON u.id = p.user_id
WHERE u.telegram_user_id = :'telegram_user_id'
  AND u.deleted_at IS NULL;
