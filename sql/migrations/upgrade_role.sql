-- Makes the session act as the owner of the schema, where that is another role that can make things.
--
-- What a migration makes from then on is the owner's, whoever runs it. deleted_at has no part in this.
--
-- returns  text  0..1 rows: the owner
SELECT set_config('role', pg_get_userbyid(relowner), FALSE) AS owner
FROM pg_class
WHERE oid = to_regclass('alembic_version')
  AND pg_get_userbyid(relowner) <> current_user
  AND pg_has_role(relowner, 'MEMBER')
  AND has_schema_privilege(relowner, relnamespace, 'CREATE');
