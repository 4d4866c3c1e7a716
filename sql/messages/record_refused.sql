-- Whether a message is not to be recorded: its person opted out, or was erased since.
--
-- It looks at deleted_at nowhere: the person need not be stored.
--
-- telegram_user_id  bigint       Telegram's id of the person; 0 for none
-- sent_at           timestamptz  Telegram's date
-- returns           boolean      1 row
SELECT count(*) > 0 AS refused
FROM refusals
WHERE person = person_digest(:'telegram_user_id')
  AND until >= :'sent_at';
