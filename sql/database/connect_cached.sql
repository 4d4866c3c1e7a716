-- Says something to all that listen for changes of users and chats, where the triggers are that tell of these.
--
-- It reads no table of botcore's, so there is no deleted_at. Who hears it listens to this server, in this database.
--
-- saying   text  what nobody else says; with a space in it no cache takes it for a table
-- returns  text  0..1 rows, without meaning: none where a trigger is missing or disabled
SELECT pg_notify('botcore_changes', :'saying')::text
FROM pg_trigger
WHERE tgname IN ('tg_users_changed', 'tg_users_emptied', 'tg_chats_changed', 'tg_chats_emptied')
  AND tgrelid IN (to_regclass('users'), to_regclass('chats'))
  AND tgenabled IN ('O', 'A')
HAVING count(*) = 4;
