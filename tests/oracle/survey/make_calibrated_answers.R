# Makes calibrated_answers.csv from survey.csv with R's survey package: replicates calibrated one by one.
#   Rscript tests/oracle/survey/make_calibrated_answers.R tests/oracle/survey
suppressMessages(library(survey))
folder <- commandArgs(TRUE)[1]
d <- read.csv(file.path(folder, "survey.csv"), stringsAsFactors = FALSE)
d$male <- as.numeric(d$sex == "M")
options(survey.lonely.psu = "adjust", warn = -1)
many <- d[d$stratum < 8, ]; pairs <- d[d$stratum < 4, ]
plain <- function(rows) svydesign(~psu, strata = ~stratum, weights = ~weight, nest = TRUE, data = rows)
clusters <- svydesign(~I(stratum * 100 + psu), weights = ~weight, data = many)
given <- function(rows, name, ...) svrepdesign(
  weights = ~weight, repweights = as.matrix(read.csv(file.path(folder, paste0("replicates_", name, ".csv")))),
  data = rows, combined.weights = TRUE, ...)
replicated <- list(
  JK1 = as.svrepdesign(clusters, type = "JK1"), JKn = as.svrepdesign(plain(many), type = "JKn"),
  JKn_mse = as.svrepdesign(plain(many), type = "JKn", mse = TRUE),
  BRR = given(pairs, "BRR", type = "BRR"), Fay = given(pairs, "Fay", type = "Fay", rho = 0.3),
  Fay_mse = given(pairs, "Fay", type = "Fay", rho = 0.3, mse = TRUE),
  bootstrap = given(many, "bootstrap", type = "other", scale = 1 / 39, rscales = rep(1, 40)))
keys <- character(0); values <- list()
for (name in names(replicated)) {
  r <- replicated[[name]]; N <- sum(weights(r, "sampling"))
  sexes <- data.frame(sex = c("F", "M"), Freq = c(0.5, 0.55) * N)
  ages <- data.frame(age = paste0("A", 0:3), Freq = c(0.25, 0.3, 0.3, 0.2) * N)
  totals <- c(`(Intercept)` = 1.05 * N, hours = 1.05 * N * 32, male = 1.05 * N * 0.5)
  exact <- function(...) calibrate(r, ~hours + male, totals, compress = FALSE, epsilon = 1e-12, maxit = 500, ...)
  calibrated <- list(
    post = function() postStratify(r, ~sex, sexes),
    rake = function() rake(r, list(~sex, ~age), list(sexes, ages), control = list(maxit = 300, epsilon = 1e-16)),
    greg = function() calibrate(r, ~hours + male, totals, compress = FALSE),
    bounded = function() exact(bounds = c(0.4, 2)),
    raking = function() exact(calfun = "raking"),
    logit = function() exact(calfun = "logit", bounds = c(0.2, 4)))
  for (how in names(calibrated)) {
    k <- tryCatch(calibrated[[how]](), error = function(e) NULL)
    if (is.null(k)) { cat("R refuses", name, how, "\n"); next }
    for (dom in c("all", "F", "F_R1")) {
      s <- switch(dom, all = k, F = subset(k, sex == "F"), F_R1 = subset(k, sex == "F" & region == "R1"))
      for (what in c("total", "mean", "ratio")) {
        m <- switch(what, total = svytotal(~income, s), mean = svymean(~income, s), ratio = svyratio(~income, ~hours, s))
        keys <- c(keys, paste(name, how, dom, what, sep = "|")); values <- c(values, list(c(coef(m), SE(m))))
      }
    }
  }
}
values <- do.call(rbind, values)
write.csv(data.frame(key = keys, value = sprintf("%.17g", values[, 1]), se = sprintf("%.17g", values[, 2])),
          file.path(folder, "calibrated_answers.csv"), row.names = FALSE, quote = FALSE)
cat(length(keys), "answers by survey", as.character(packageVersion("survey")), "\n")
