-- Whether a message is not to be recorded: its person, or who the private chat is with, opted out or was erased since.
--
-- It looks at deleted_at nowhere: the person need not be stored.
--
-- telegram_user_id  bigint       Telegram's id of the person; 0 for none
-- telegram_chat_id  bigint       Telegram's id of the chat, in a private one the person's
-- sent_at           timestamptz  Telegram's date
-- returns           boolean      1 row
SELECT count(*) > 0 AS refused
FROM refusals
WHERE person IN (person_digest(:'telegram_user_id'), person_digest(:'telegram_chat_id'))
  AND until >= :'sent_at';
