-- Whether nothing of a person is recorded because they opted out.
--
-- It looks at deleted_at nowhere: the person need not be stored.
--
-- telegram_user_id  bigint   Telegram's id of the person, 1..9223372036854775807
-- returns           boolean  1 row
SELECT count(*) > 0 AS refused
FROM refusals
WHERE person = person_digest(:'telegram_user_id')
  AND until = 'infinity';
