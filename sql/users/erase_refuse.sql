-- Has nothing recorded that a person sent up to now: the first step of their erasure, and what erasures take turns by.
--
-- It looks at deleted_at nowhere: the person need not be stored. Who opted out stays so.
--
-- telegram_user_id  bigint  Telegram's id of the person, 1..9223372036854775807
-- returns           text    1 row: the person's digest
INSERT INTO refusals AS r (person, until)
VALUES (person_digest(:'telegram_user_id'), clock_timestamp())
ON CONFLICT (person) DO UPDATE
SET until = GREATEST(r.until, excluded.until)
RETURNING r.person;
