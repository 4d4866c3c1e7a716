-- One live person by Telegram's id.
--
-- telegram_user_id  bigint  Telegram's id of the person
-- returns           User    0..1 rows
SELECT
    id, telegram_user_id, username, first_name, last_name, language_code, created_at, updated_at, deleted_at
FROM users
WHERE telegram_user_id = :'telegram_user_id'
  AND deleted_at IS NULL;
