-- Whether the session's role may erase anybody: asked first, since what an erasure begins with is committed by itself.
-- It reads no row, deleted_at or not.
--
-- returns  boolean  1 row
SELECT
    bool_and(has_table_privilege(t.name, 'delete')) AS is_allowed
FROM (VALUES ('users'), ('chats'), ('messages')) AS t (name);
