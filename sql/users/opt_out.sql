-- Has nothing of a person recorded from now on, until opt_in; what is stored stays.
--
-- It looks at deleted_at nowhere: the person need not be stored.
--
-- telegram_user_id  bigint   Telegram's id of the person, 1..9223372036854775807
-- returns           boolean  TRUE, or no row where nothing was recorded already
INSERT INTO refusals AS r (person, until)
VALUES (person_digest(:'telegram_user_id'), 'infinity')
ON CONFLICT (person) DO UPDATE
SET until = excluded.until
WHERE r.until < excluded.until
RETURNING TRUE AS changed;
