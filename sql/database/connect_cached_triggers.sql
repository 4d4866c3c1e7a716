-- Whether the triggers that tell of changes of users and chats are there, and fire in whatever session.
--
-- It reads no table of botcore's, so there is no deleted_at to mind.
--
-- returns  boolean  1 row
SELECT count(*) = 4 AS fires
FROM pg_trigger
WHERE tgname IN ('tg_users_changed', 'tg_users_emptied', 'tg_chats_changed', 'tg_chats_emptied')
  AND tgrelid IN (to_regclass('users'), to_regclass('chats'))
  AND tgenabled = 'A';
