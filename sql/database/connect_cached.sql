-- Says something to all that listen for changes of users and chats. Reads no table, so there is no deleted_at to mind.
--
-- Who hears it listens to this server, in this database.
--
-- saying   text  what nobody else says; with a space in it no cache takes it for a table
-- returns  text  1 row, without meaning
SELECT pg_notify('botcore_changes', :'saying')::text AS said;
