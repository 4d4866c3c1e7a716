-- Keeps which language a person chose; nothing is kept of who is not stored, is deleted, or opted out.
--
-- Preferences are never deleted_at: they go with their person.
--
-- telegram_user_id  bigint       Telegram's id of the person, 1..9223372036854775807
-- language          text         an IETF tag of 0..35 characters; '' for the one that Telegram tells
-- returns           Preferences  1 row, or none where nothing was kept
INSERT INTO preferences AS p (user_id, language)
SELECT
    u.id, NULLIF(:'language', '') AS language
FROM users AS u
WHERE u.telegram_user_id = :'telegram_user_id'
  AND u.deleted_at IS NULL
  AND NOT EXISTS (
      SELECT FROM refusals
      WHERE person = person_digest(u.telegram_user_id)
        AND until = 'infinity'
  )
FOR KEY SHARE OF u
ON CONFLICT (user_id) DO UPDATE
SET language = excluded.language, updated_at = excluded.updated_at
RETURNING p.user_id, p.language, p.updated_at;
