-- Has a person recorded again who opted out; what was erased before stays unrecorded.
--
-- It looks at deleted_at nowhere: the person need not be stored.
--
-- telegram_user_id  bigint   Telegram's id of the person, 1..9223372036854775807
-- returns           boolean  TRUE, or no row where they had not opted out
UPDATE refusals AS r
SET until = COALESCE((SELECT max(e.erased_at) FROM erasures AS e WHERE e.person = r.person), '-infinity')
WHERE r.person = person_digest(:'telegram_user_id')
  AND r.until = 'infinity'
RETURNING TRUE AS changed;
