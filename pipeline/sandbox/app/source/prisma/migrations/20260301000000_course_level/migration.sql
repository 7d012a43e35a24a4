-- AlterTable
ALTER TABLE "Course" ADD COLUMN "level" TEXT;
