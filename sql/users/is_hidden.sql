-- Whether a person is stored, but hidden: an import leaves them so, where get_or_create would revive them.
--
-- telegram_user_id  bigint   Telegram's id of the person
-- returns           boolean  1 row
SELECT count(*) > 0 AS is_hidden
FROM users
WHERE telegram_user_id = :'telegram_user_id'
  AND deleted_at IS NOT NULL;
