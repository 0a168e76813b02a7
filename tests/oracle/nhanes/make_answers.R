# Makes answers.csv from the file of NHANES 2015-16 with R's survey package.
#   Rscript tests/oracle/nhanes/make_answers.R ../shared/data/us-nhanes-2015-16/DEMO_I.csv.gz tests/oracle/nhanes/answers.csv
suppressMessages(library(survey))
given <- commandArgs(TRUE)
d <- read.csv(gzfile(given[1]))
d$one <- 1
d$status <- ifelse(d$DMDBORN4 == 1, "NB", ifelse(d$DMDBORN4 == 2, "FB", NA))
d$sex <- ifelse(d$RIAGENDR == 1, "M", "F")
d$abroad <- as.numeric(d$status == "FB")
d$foreign <- ifelse(d$DMDCITZN %in% c(1, 2), as.numeric(d$DMDCITZN == 2), NA)
d$recent <- ifelse(d$status %in% "FB" & d$DMDYRSUS %in% 1:9, as.numeric(d$DMDYRSUS <= 2), NA)
d$poor <- as.numeric(d$INDFMPIR < 1)
d$women <- as.numeric(d$sex == "F")
rows <- list()
say <- function(source, indicator, status, sex, value, se) rows[[length(rows) + 1]] <<- data.frame(
  source, indicator, migratory_status = status, sex, value = sprintf("%.15g", value), se = sprintf("%.15g", se))
shares <- c(migrant_share = "abroad", foreign_citizen_share = "foreign", recent_arrival_share = "recent",
            poverty_rate = "poor", women_share = "women")
all_of <- function(source, design) {
  v <- design$variables
  groups <- list(list("_T", "_T", rep(TRUE, nrow(v))))
  for (s in c("M", "F")) groups <- c(groups, list(list("_T", s, v$sex == s)))
  for (m in c("NB", "FB")) {
    groups <- c(groups, list(list(m, "_T", v$status %in% m)))
    for (s in c("M", "F")) groups <- c(groups, list(list(m, s, v$status %in% m & v$sex == s)))
  }
  for (g in groups) {
    part <- design[g[[3]], ]
    m <- svytotal(~one, part); say(source, "population", g[[1]], g[[2]], coef(m), SE(m))
    m <- svymean(~RIDAGEYR, part); say(source, "average_age", g[[1]], g[[2]], coef(m), SE(m))
    for (name in names(shares)) {
      known <- part[!is.na(part$variables[[shares[[name]]]]), ]
      if (nrow(known$variables) == 0) next
      m <- svymean(as.formula(paste0("~", shares[[name]])), known)
      if (SE(m) > 0) say(source, name, g[[1]], g[[2]], 100 * coef(m), 100 * SE(m))
    }
  }
  known <- design[!is.na(v$poor) & !is.na(v$status), ]
  by <- svyby(~poor, ~status, known, svymean, covmat = TRUE)
  gap <- svycontrast(by, c(FB = 1, NB = -1))
  say(source, "poverty_rate_gap", "_T", "_T", 100 * coef(gap), 100 * SE(gap))
}
interview <- svydesign(~SDMVPSU, strata = ~SDMVSTRA, weights = ~WTINT2YR, nest = TRUE, data = d)
all_of("nhanes", interview)
examined <- svydesign(~SDMVPSU, strata = ~SDMVSTRA, weights = ~WTMEC2YR, nest = TRUE, data = d[d$RIDSTATR == 2, ])
all_of("nhanes_examined", examined)
write.csv(do.call(rbind, rows), given[2], row.names = FALSE, quote = FALSE)
