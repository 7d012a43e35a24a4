/*
  Warnings:

  - Added the required column `kind` to the `Lesson` table without a default value. This is not possible if the table is not empty.

*/
-- CreateIndex
CREATE INDEX "Lesson_title_idx" ON "Lesson"("title");

-- AlterTable
ALTER TABLE "Lesson" ADD COLUMN "kind" TEXT NOT NULL;
